/** A backend for UDP that answers each datagram with who it is and what it got. */
import { createSocket } from "node:dgram";
import type { EchoIdentity, EchoServer } from "./echo.ts";

export function startUdpEcho({ namespace, service, port, pods }: EchoIdentity): Promise<EchoServer> {
  const socket = createSocket("udp4");
  let count = 0;
  socket.on("message", (message, from) => {
    const pod = pods[count++ % Math.max(1, pods.length)] ?? null;
    const text = JSON.stringify({ namespace, service, port, pod, data: message.toString("utf8") });
    socket.send(text, from.port, from.address, () => undefined);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, "127.0.0.1", () => {
      socket.removeListener("error", reject);
      socket.on("error", () => undefined);
      resolve({
        port: socket.address().port,
        served: () => count,
        close: () => new Promise((done) => socket.close(() => done())),
      });
    });
  });
}
