// Reads documents, one a line in hexadecimal digits; writes what JSON.parse makes of each after
// the two ways in which Node.js servers turn a body into text, one JSON line a way.
const lines = require('node:fs').readFileSync(0, 'latin1').split('\n').filter((line) => line !== '' );

function read(text) {
  let value;
  try {
    value = JSON.parse(text());
  } catch (error) {
    return { ok: false, error: String(error.message).slice(0, 80) };
  }
  if (Array.isArray(value)) value = value[0];
  if (value === null || typeof value !== 'object') return { ok: true, call: [null, null, null] };
  const id = value.id === undefined ? null : JSON.stringify(value.id);
  const method = typeof value.method === 'string' ? value.method : null;
  const name = value.params?.name;
  return { ok: true, call: [method, id, typeof name === 'string' ? name : null] };
}

const out = [];
for (const line of lines) {
  const bytes = Buffer.from(line.trim(), 'hex');
  out.push(JSON.stringify(read(() => bytes.toString('utf8'))));
  out.push(JSON.stringify(read(() => new TextDecoder().decode(bytes))));
}
process.stdout.write(out.join('\n') + '\n');
