const assert = require("node:assert");
const { greet } = require("@example/greet");

assert.equal(greet("ada lovelace"), "Hello, Ada Lovelace!");
console.log("greet: ok");
