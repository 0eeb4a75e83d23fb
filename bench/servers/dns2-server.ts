/** The program that dns2.ts starts: MODULE RECORDS PORT. Its records are JSON, an array of zone-file lines. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

interface Answer {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly [field: string]: string | number;
}

interface Dns2 {
  readonly Packet: {
    readonly TYPE: Readonly<Record<string, number>>;
    createResponseFromRequest(request: Request): { answers: Answer[]; header: { rcode: number; aa: number } };
  };
  createServer(options: {
    udp: boolean;
    handle(request: Request, send: (response: unknown) => void): void;
  }): { listen(options: { udp: { port: number; address: string } }): Promise<unknown> };
}

interface Request {
  readonly questions: readonly { readonly name: string; readonly type: number }[];
}

const [modulePath, recordsFile, port] = process.argv.slice(2);
const { Packet, createServer } = createRequire(import.meta.url)(modulePath!) as Dns2;

const names = new Map<string, Map<number, Answer[]>>();
for (const line of JSON.parse(readFileSync(recordsFile!, "utf8")) as string[]) {
  const [owner, ttl, , typeName, ...values] = line.split(/\s+/);
  const name = owner!.replace(/\.$/, "");
  const type = Packet.TYPE[typeName!];
  if (type === undefined) continue;
  const types = names.get(name) ?? new Map<number, Answer[]>();
  names.set(name, types);
  types.set(type, [
    ...(types.get(type) ?? []),
    { name, type, class: 1, ttl: Number(ttl), ...dataOf(typeName!, values) },
  ]);
}

function dataOf(type: string, values: readonly string[]): Readonly<Record<string, string | number>> {
  if (type !== "SRV") return { address: values[0]! };
  const [priority, weight, port] = values.map(Number);
  return { priority: priority!, weight: weight!, port: port!, target: values[3]!.replace(/\.$/, "") };
}

const NXDOMAIN = 3;

await createServer({
  udp: true,
  handle(request, send) {
    const response = Packet.createResponseFromRequest(request);
    const [question] = request.questions;
    const types = names.get(question!.name.toLowerCase());
    response.header.aa = 1;
    if (types === undefined) response.header.rcode = NXDOMAIN;
    response.answers = types?.get(question!.type) ?? [];
    send(response);
  },
}).listen({ udp: { port: Number(port), address: "127.0.0.1" } });
