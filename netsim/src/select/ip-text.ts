/** Whether a text is an IP address, by the rules of inet_pton(3): what `node:net` says, for wherever that is not. */

const OCTETS = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const ZONE = /%[0-9a-z.-]+$/i;
const GROUP = /^[0-9a-f]{1,4}$/i;

/** Four decimal octets, without leading zeros. */
export const isIPv4 = (text: string): boolean => OCTETS.test(text);

/** Eight groups, or fewer around one `::`; the last two may be an IPv4 address. A zone (`%eth0`) is not looked at. */
export function isIPv6(text: string): boolean {
  const halves = text.replace(ZONE, "").split("::");
  if (halves.length > 2) return false;
  let count = 0;
  for (const [i, half] of halves.entries()) {
    if (half === "") {
      if (halves.length === 1) return false;
      continue;
    }
    const groups = half.split(":");
    const last = groups[groups.length - 1] as string;
    if (last.includes(".")) {
      if (i !== halves.length - 1 || !isIPv4(last)) return false;
      groups.pop();
      count += 2;
    }
    if (!groups.every((g) => GROUP.test(g))) return false;
    count += groups.length;
  }
  return halves.length === 1 ? count === 8 : count <= 7;
}
