import { nativeBinding } from "../native/binding.ts";
import { createHub } from "../native/hub.ts";
import { hostPort } from "./failure.ts";
import { openDgram, type OpenUdp } from "./udp-socket.ts";

/** Opens sockets that one thread reads in batches; undefined where there is no native code for this machine. */
export function nativeUdp(): OpenUdp | undefined {
  const { binding } = nativeBinding();
  // One that was built for an earlier version may lack it.
  if (binding?.openHub === undefined) return undefined;
  const hub = createHub(binding);
  return ({ address, port, source }, events) => {
    const socket = hub.connect(address, port, source, events);
    return {
      local: hostPort(socket.address, socket.port),
      send: (packet) => socket.send(packet),
      close: () => socket.close(),
    };
  };
}

let opener: OpenUdp | undefined;

/** The best way to open sockets on this machine: one for the whole process. */
export const bestUdp = (): OpenUdp => (opener ??= nativeUdp() ?? openDgram);
