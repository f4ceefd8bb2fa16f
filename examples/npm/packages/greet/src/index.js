const { title } = require("@example/format");

exports.greet = (name) => `Hello, ${title(name)}!`;
