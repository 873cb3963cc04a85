// Text that wants to be more than text: markup, scripts, control and bidirectional characters,
// enormous and broken values. Every one of them must reach the screen as harmless text.

export const marks = [
  `<script>alert("mcp-xss")</script>`,
  `<img src=x onerror=alert("mcp-xss")>`,
  `"><svg onload=alert("mcp-xss")>`,
  `'><iframe srcdoc="<script>parent.alert('mcp-xss')</script>">`,
  `javascript:alert("mcp-xss")`,
  `{{constructor.constructor('alert("mcp-xss")')()}}`,
  `</td></tr></table><style>*{display:none}</style>`,
  `<a href="https://evil.invalid/mcp-xss">click</a><link rel=stylesheet href=//evil.invalid/x.css>`,
  `transfer\u202Etxt.exe\u2066 \u2067owner\u2069`,
  `zero\u200Bwidth\u200D\uFEFF and\u00ADsoft`,
  `bell\u0007 esc\u001b[31mred\u001b[0m nul\u0000 del\u007f c1\u0085`,
  `line\nbreak\r\ttab\u2028sep`,
  `عميل\u202Dحساب`,
  `lone \uD800 surrogate \uDC00`,
  "Z" + "\u0351\u034e\u0316\u0323\u0300\u0301\u0302\u0303".repeat(12) + "algo",
  "tag\u{E0041}\u{E0042} letters",
  "x".repeat(5000),
  `__proto__`,
  `=cmd|'/c calc'!A0`,
  `%3Cscript%3E&lt;b&gt;`,
];

export function payload() {
  const nested = {};
  let place = nested;
  for (let depth = 0; depth < 120; depth++) {
    place.deeper = {};
    place = place.deeper;
  }
  place.end = marks[0];
  const value = { nested, list: marks, text: JSON.stringify({ inside: marks[0], token: "••••" }) };
  for (const mark of marks) value[mark] = mark;
  // A member of its own, which an assignment would not make.
  Object.defineProperty(value, "__proto__", { value: { polluted: marks[1] }, enumerable: true });
  value.numbers = [0, -0, 1e308, "@12345678901234567890@", 0.1];
  value.nothing = [null, "", {}, []];
  return value;
}
