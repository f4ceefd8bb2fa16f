export const greetings = (names) => names.map((name) => `Hello, ${name}!`);
