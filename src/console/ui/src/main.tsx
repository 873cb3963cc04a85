import { render } from "preact";
import { App } from "./App";
import "./style/base.css";
import "./style/controls.css";
import "./style/lists.css";
import "./style/session.css";
import "./style/calls.css";
import "./style/call.css";
import "./style/pages.css";
import "./style/attacks.css";
import "./style/primitives.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
