/** Gateways and Ingress controllers: what they make of a request. Pure; the real proxy is in ../proxy. */
export { entrance } from "./entrance.ts";
export type { Entrance, EntranceRequest } from "./entrance.ts";
export { CONTROLLERS, compareControllers, controllerOf, createIngressTable } from "./ingress/table.ts";
export type { Comparison, Controller, IngressTable } from "./ingress/table.ts";
export type { Answer, GatewayRequest } from "./request.ts";
export { createGatewayTable } from "./route.ts";
export type { GatewayTable } from "./route.ts";
export { createServiceTable } from "./service-route.ts";
export type { ServiceTable } from "./service-route.ts";
