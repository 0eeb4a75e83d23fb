/** Packets: what headers cost, what becomes of a packet of a size on a path, and how it looks there. */
export { capturePing } from "./capture-ping.ts";
export { explain as explainPing } from "./explain.ts";
export { chainOf, fitOf, outcomes } from "./fit.ts";
export type { Fit } from "./fit.ts";
export type { Frame } from "./fragment.ts";
export { createMemory, travel } from "./journey.ts";
export type { Journey, Memory, World } from "./journey.ts";
export { boxText, layersOf } from "./layers.ts";
export type { NamedLayer } from "./layers.ts";
export { reversePath } from "./path.ts";
export type { Link, Path, Tunnel } from "./path.ts";
export { ping, sweep } from "./ping.ts";
export type { Echo, Ping, PingOptions } from "./ping.ts";
export { createSender } from "./sender.ts";
export type { Discovery, Outcome, Sender, Try } from "./sender.ts";
export { transfer } from "./tcp.ts";
export type { Transfer } from "./tcp.ts";
export { overheadOf, roomIn, wrap } from "./tunnel.ts";
