const { greet } = require("@example/greet");

process.stdout.write(`<!doctype html>\n<title>Example</title>\n<p>${greet("world")}</p>\n`);
