// One operation on files, named by the first argument.
const fs = require("fs");
const ops = {
  read: () => fs.readFileSync("f"),
  missing: () => fs.existsSync("nope"),
  create: () => fs.writeFileSync("n", ""),
  append: () => fs.appendFileSync("f", ""),
  rename: () => fs.renameSync("f", "g"),
  unlink: () => fs.unlinkSync("f"),
  mkdir: () => fs.mkdirSync("d"),
  list: () => fs.readdirSync("."),
  stat: () => fs.statSync("f"),
  symlink: () => fs.symlinkSync("f", "n"),
  readlink: () => fs.readlinkSync("l"),
  chdir: () => { process.chdir("d"); fs.readFileSync("f"); },
  spawn: () => require("child_process").execFileSync("./prog"),
};
ops[process.argv[2]]();
