import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { encodeMessage } from "../../src/dns/codec.ts";
import { isWithin, join, nameText, nameOf, type Name } from "../../src/dns/name.ts";
import { CLASS } from "../../src/dns/rr.ts";
import { FLAG, TYPE } from "../../src/dns/types.ts";
import { definePlugin, type ListenerKey, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** The probe is tried again after this time, and given up after that: milliseconds. */
const RETRY = 1000;
const GIVE_UP = 30_000;
/** What comes back later than this after the probe was answered is not looked at. */
const WATCH = 2000;
/** Sightings of the probe that are no loop yet: it is seen once when it is sent, and may be sent again. */
const HARMLESS = 2;

/** Finds forwarding loops: sends a query with a random name to itself, and ends the process if it comes back. */
export const loop: Plugin = definePlugin({
  name: "loop",
  directive: directiveTable,
  setup(_options, context) {
    const zone = context.zones[0];
    // A block whose zones no query can be for can't be looped through.
    if (zone === undefined) return;
    const probe = join(nameOf(`${randomNumber()}.${randomNumber()}.`), zone);
    let seen = 0;
    let watching = true;
    let timer: NodeJS.Timeout | undefined;
    let address = "";

    const stop = (): void => {
      watching = false;
      clearTimeout(timer);
    };

    const send = (listener: ListenerKey, deadline: number): void => {
      address = `${listener.address.includes(":") ? `[${listener.address}]` : listener.address}:${listener.port}`;
      ask(listener, probe, (answered) => {
        if (!watching) return;
        if (answered) {
          timer = setTimeout(stop, WATCH);
        } else if (Date.now() < deadline) {
          seen = 0;
          timer = setTimeout(() => send(listener, deadline), RETRY);
        } else {
          stop();
        }
        timer?.unref();
      });
    };

    return {
      answer(query, next) {
        if (!watching || query.type !== TYPE.HINFO || query.name !== probe || !isWithin(query.name, zone))
          return next(query);
        seen++;
        if (seen > HARMLESS) {
          const { peer } = query;
          const client = `${peer.family === 6 ? `[${peer.address}]` : peer.address}:${peer.port}`;
          const text = nameText(probe);
          context.host.fatal(
            `[FATAL] plugin/loop: Loop (${client} -> ${address}) detected for zone "${nameText(zone)}", see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO ${text}"`,
          );
        }
        return next(query);
      },
      listening() {
        const listener = context.listeners().find(({ transport }) => transport === "dns");
        if (listener === undefined) stop();
        else send(listener, Date.now() + GIVE_UP);
      },
      close: stop,
    };
  },
});

const randomNumber = (): string => String(randomBytes(8).readBigUInt64BE() >> 2n);

/** Sends one query over UDP, and tells whether any reply came. */
function ask(to: ListenerKey, name: Name, done: (answered: boolean) => void): void {
  const { bytes } = encodeMessage(
    {
      id: randomBytes(2).readUInt16BE(),
      flags: FLAG.RD,
      question: { name, type: TYPE.HINFO, class: CLASS.IN },
      answer: [],
      authority: [],
      additional: [],
    },
    {},
  );
  const socket = createSocket(to.address.includes(":") ? "udp6" : "udp4");
  let ended = false;
  const end = (answered: boolean): void => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    socket.close();
    done(answered);
  };
  const timer = setTimeout(() => end(false), 2000);
  timer.unref();
  socket.on("message", () => end(true));
  socket.on("error", () => end(false));
  socket.send(bytes, to.port, to.address === "" ? "127.0.0.1" : to.address);
  socket.unref();
}
