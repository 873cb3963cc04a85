// What nginx's own JavaScript module needs to put one MCP call into an access log.
function read(text) {
    try { return JSON.parse(text) } catch (e) { return {} }
}
var answers = '';
function collect(r, data, flags) { r.sendBuffer(data, flags); r.variables.mcp_seen = read(data.toString()).error ? 'rpc_error' : 'ok'; }
function method(r) { var m = read(r.requestText); return (m.method || '-') + ' ' + ((m.params || {}).name || '-'); }
export default { collect, method };
