import "./style.css";
import { greetings } from "./greetings.js";

const list = document.querySelector("#list");
for (const greeting of greetings(["Ada", "Grace", "Edsger"])) {
  const item = document.createElement("li");
  item.textContent = greeting;
  list.append(item);
}
