const assert = require("node:assert");
const { title } = require("@example/format");

assert.equal(title("hello, world"), "Hello, World");
console.log("format: ok");
