/** `node:net` without a network. */
import { isIPv4, isIPv6 } from "../../src/select/ip-text.ts";

export { isIPv4, isIPv6 };
export const isIP = (text: string): 0 | 4 | 6 => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0);
