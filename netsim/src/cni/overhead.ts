/** Octets of the headers around a packet. */
import { overheadOf } from "../packet/tunnel.ts";
import type { Tunnel } from "../packet/path.ts";

/** Without padding, which depends on the packet. */
export const overheadOfAll = (tunnels: readonly Tunnel[]): number =>
  tunnels.reduce((sum, t) => sum + overheadOf(t), 0);

/** `50`, `50 + 60 = 110`. */
export function overheadText(tunnels: readonly Tunnel[]): string {
  const each = tunnels.map(overheadOf);
  return each.length < 2 ? String(each[0] ?? 0) : `${each.join(" + ")} = ${overheadOfAll(tunnels)}`;
}
