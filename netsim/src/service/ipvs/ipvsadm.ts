import { hostPort } from "../address.ts";
import type { VirtualServer } from "./program.ts";

/** Both families' virtual servers as `ipvsadm -Ln` shows them (1.31), without connections. */
export function ipvsadm(servers: readonly VirtualServer[]): string {
  const lines = [
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
  ];
  for (const { protocol, address, port, scheduler, persistent, servers: real } of servers) {
    const flags = persistent > 0 ? ` persistent ${persistent}` : "";
    lines.push(`${protocol.padEnd(4)} ${hostPort(address, port)} ${scheduler}${flags}`);
    for (const server of real) lines.push(serverLine(hostPort(server.address, server.port), server.weight));
  }
  return `${lines.join("\n")}\n`;
}

function serverLine(name: string, weight: number): string {
  const cells = [name.padEnd(28), "Masq".padEnd(7), String(weight).padEnd(6), "0".padEnd(10), "0".padEnd(10)];
  return `  -> ${cells.join(" ")}`;
}
