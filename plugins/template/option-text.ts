import { readClientSubnet, type EdnsOption } from "../../src/dns/edns.ts";
import { OPTION } from "../../src/dns/types.ts";

/** An option's value as Go's DNS library prints it: a subnet as `[192.0.2.0/24/0]`-like text, others in hex. */
export function optionValueText({ code, data }: EdnsOption): string {
  if (code === OPTION.ECS) {
    const subnet = readClientSubnet(data);
    if (subnet === undefined) return "<nil>";
    const address = subnet.address.includes(":") ? `[${subnet.address}]` : subnet.address;
    return `${address}/${subnet.source}/${subnet.scope}`;
  }
  return Buffer.from(data, "latin1").toString("hex");
}
