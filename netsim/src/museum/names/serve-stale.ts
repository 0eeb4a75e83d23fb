import { CLUSTER_DNS, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "payments.prod.example.com";
const OLD = "192.0.2.1";
const NEW = "192.0.2.2";
const MINUTE = 60_000;

async function ask(stale: string) {
  const lab = dnsLab();
  const corefile = `.:53 {\n    cache 30 {\n        ${stale}\n    }\n    forward . ${OUTSIDE}\n}\n`;
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile }));
  lab.place(OUTSIDE, worldOf(`${NAME}. 30 A ${OLD}`), 10);
  const address = async () => {
    const { result } = await lab.lookUp(`${NAME}.`, podConf(), { resolver: "glibc-inet" });
    return result.addresses[0] ?? result.error ?? "";
  };
  return lab.run(async () => {
    const first = await address();
    await lab.wait(MINUTE);
    // A deployment: the name moves. The upstream is in good health all the time.
    lab.place(OUTSIDE, worldOf(`${NAME}. 30 A ${NEW}`), 10);
    await lab.wait(20 * MINUTE);
    const second = await address();
    await lab.wait(1000);
    const third = await address();
    // Now the upstream is gone, and what is kept is too old.
    lab.place(OUTSIDE, undefined);
    await lab.wait(10 * MINUTE);
    return { first, second, third, fourth: await address() };
  });
}

export const serveStale: Exhibit = {
  id: "serve-stale",
  title: "serve_stale, while nothing is wrong",
  year: 2020,
  wing: "names",
  threads: [
    thread(
      "coredns/coredns#4097",
      "modify behavior for serve_stale",
      "the first answer after a pause is the old one, though the upstream is well; a container that starts with it is down until its own cache ends",
    ),
    thread(
      "coredns/coredns#4309",
      "[Cache] Add support for serving stale data according to RFC 8767",
      "stale data is sent that it would have been no trouble to refresh",
    ),
  ],
  async run() {
    const story = createStory();
    const immediate = await ask("serve_stale 1h");
    story.tell(`${NAME} is ${immediate.first}; nobody asks for 21 minutes, in which it moves to ${NEW}`);
    story.tell(
      `With serve_stale 1h the next client gets ${immediate.second}, dead for ${time(20 * MINUTE)}; the one after it ${immediate.third}`,
    );
    const verify = await ask("serve_stale 1h verify");
    story.tell(
      `With verify the server asks first: ${verify.second}; and with the upstream gone: ${verify.fourth}`,
    );
    const none = await ask("");
    story.tell(`Without serve_stale: ${none.second}, and with the upstream gone: ${none.fourth}`);
    story.holds("the old address comes first, from a healthy upstream's cache", immediate.second === OLD);
    story.holds("only the question after it gets the new one", immediate.third === NEW);
    story.holds("verify gives the new one at once", verify.second === NEW);
    story.holds(
      "and the last known one when the upstream is gone",
      verify.fourth === NEW && none.fourth !== NEW,
    );
    return story.end({
      broken: {
        on: "serve_stale in its default, immediate",
        what: `the first client after a pause gets ${immediate.second}, 20 minutes after the name moved`,
        facts: { second: immediate.second, third: immediate.third, upstream_gone: immediate.fourth },
      },
      mended: {
        on: "serve_stale DURATION verify: ask, wait a bounded time, then what is stale (RFC 8767, section 5)",
        what: `it gets ${verify.second}; with the upstream gone ${verify.fourth}`,
        facts: { second: verify.second, third: verify.third, upstream_gone: verify.fourth },
      },
      lesson:
        "Stale answers are for outages. As a latency optimisation they give wrong answers on good days.",
    });
  },
};
