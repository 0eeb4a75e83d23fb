import { readClientSubnet, type EdnsOption } from "../../src/dns/edns.ts";
import { OPTION } from "../../src/dns/types.ts";

/** Codes that are known; an option of any other is a local one. */
const KNOWN: ReadonlySet<number> = new Set(Object.values(OPTION));

/** An option's value as Go's DNS library prints it: a subnet as `192.0.2.0/24/0`, local options as `65518:0x6162`, others in hex. */
export function optionValueText({ code, data }: EdnsOption): string {
  if (code === OPTION.ECS) {
    const subnet = readClientSubnet(data);
    if (subnet === undefined) return "<nil>";
    const address = subnet.address.includes(":") ? `[${subnet.address}]` : subnet.address;
    return `${address}/${subnet.source}/${subnet.scope}`;
  }
  const hex = Buffer.from(data, "latin1").toString("hex");
  return KNOWN.has(code) ? hex : `${code}:0x${hex}`;
}
