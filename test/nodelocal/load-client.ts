/**
 * Clients that ask and never ask again: `load-client ADDRESS UDP-RATE TCP-RATE SECONDS`. Nine of ten names are 20 Services, the tenth was never asked before. A new
 * socket, or connection, for each. Prints what became of them, as JSON.
 */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import packet from "dns-packet";

export interface Outcome {
  sent: number;
  answered: number;
  /** No right answer within 5 seconds, by what came instead. */
  lost: { [why: string]: number };
  /** Answered after more than 100 ms. */
  late: number;
  maxMs: number;
  /** Milliseconds from the start to the sending of each lost query. */
  lostAt: number[];
}

const PATIENCE = 5000;
const LATE = 100;

const [address, udpRate, tcpRate, seconds] = process.argv.slice(2) as [string, string, string, string];
const outcome: Outcome = { sent: 0, answered: 0, lost: {}, late: 0, maxMs: 0, lostAt: [] };
const begin = performance.now();
let open = 0;
let ended = false;

function track(): (why?: string) => void {
  const sent = performance.now();
  outcome.sent++;
  open++;
  let done = false;
  return (why) => {
    if (done) return;
    done = true;
    open--;
    const ms = performance.now() - sent;
    if (why === undefined) {
      outcome.answered++;
      outcome.maxMs = Math.max(outcome.maxMs, Math.round(ms));
      if (ms > LATE) outcome.late++;
    } else {
      outcome.lost[why] = (outcome.lost[why] ?? 0) + 1;
      outcome.lostAt.push(Math.round(sent - begin));
    }
    if (ended && open === 0) finish();
  };
}

function query(i: number) {
  const name = i % 10 === 9 ? `fresh${i}.prod` : `svc${i % 20}.prod`;
  return {
    type: "query" as const,
    id: i & 0xffff,
    flags: 0x100,
    questions: [{ name: `${name}.svc.cluster.local`, type: "A" }],
  };
}

const isRight = (bytes: Buffer, i: number): boolean => {
  const { id, answers } = packet.decode(bytes);
  return id === (i & 0xffff) && answers.length === 1;
};

function askUdp(i: number): void {
  const socket = createSocket("udp4");
  const settle = track();
  const timer = setTimeout(() => done("no answer in 5 s"), PATIENCE);
  const done = (why?: string): void => {
    clearTimeout(timer);
    settle(why);
    socket.close();
    socket.removeAllListeners("error").on("error", () => undefined);
  };
  socket.once("error", (error) => done(error.message));
  socket.once("message", (bytes) => done(isRight(bytes, i) ? undefined : "a wrong answer"));
  // Connected, so that an ICMP refusal is heard of.
  socket.connect(53, address, () => socket.send(packet.encode(query(i))));
}

function askTcp(i: number): void {
  const settle = track();
  const socket = connect({ host: address, port: 53 });
  const done = (why?: string): void => {
    settle(why);
    socket.destroy();
  };
  socket.setTimeout(PATIENCE, () => done("TCP: no answer in 5 s"));
  socket.on("error", (error) => done(`TCP: ${error.message}`));
  socket.on("close", () => done("TCP: closed without an answer"));
  let input = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    input = Buffer.concat([input, chunk]);
    if (input.length >= 2 && input.length >= input.readUInt16BE() + 2)
      done(isRight(input.subarray(2), i) ? undefined : "TCP: a wrong answer");
  });
  socket.write(packet.streamEncode(query(i)));
}

function finish(): void {
  process.stdout.write(JSON.stringify(outcome) + "\n", () => process.exit(0));
}

let udp = 0;
let tcp = 0;
const timer = setInterval(() => {
  const elapsed = (performance.now() - begin) / 1000;
  const until = Math.min(elapsed, Number(seconds));
  while (udp < until * Number(udpRate)) askUdp(udp++);
  // Numbers of their own, so that the names that were never asked stay so.
  while (tcp < until * Number(tcpRate)) askTcp(1_000_000 + tcp++);
  if (elapsed < Number(seconds)) return;
  clearInterval(timer);
  ended = true;
  if (open === 0) finish();
}, 1);
