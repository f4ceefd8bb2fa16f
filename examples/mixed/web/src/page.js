const { readFileSync } = require("node:fs");

const { lines, words } = JSON.parse(readFileSync(process.argv[2], "utf8"));
process.stdout.write(`<!doctype html>\n<title>Words</title>\n<p>${words} words in ${lines} lines</p>\n`);
