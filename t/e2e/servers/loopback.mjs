// Preloaded into servers that would listen on every address: they listen on 127.0.0.1 only.
import net from "node:net";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  const then = rest.filter((part) => typeof part === "function");
  return listen.call(this, { port: Number(port), host: "127.0.0.1" }, ...then);
};
