import { ingress, nginx } from "../lab/ingress.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

/** Redirects that browsers follow before they give up. */
const PATIENCE = 20;
const HOST = "shop.example.com";

/**
 * A browser's way through a load balancer that ends TLS and asks the controller over HTTP. `trusted`: the controller takes the
 * scheme from X-Forwarded-Proto (use-forwarded-headers).
 */
function browse(annotations: Readonly<Record<string, string>>, trusted: boolean) {
  const ask = nginx(ingress("shop", ["/ Prefix web"], { host: HOST, tls: true, annotations }));
  let scheme: "http" | "https" = "http";
  let redirects = 0;
  const statuses: number[] = [];
  while (redirects <= PATIENCE) {
    const answer = ask({ host: HOST, scheme: trusted ? scheme : "http" });
    statuses.push(answer.status);
    if (answer.redirect === null) return { redirects, status: answer.status, statuses };
    redirects++;
    scheme = answer.redirect.scheme === "https" ? "https" : "http";
  }
  return { redirects, status: 0, statuses };
}

export const redirectLoop: Exhibit = {
  id: "redirect-loop",
  title: "308, 308, 308: https behind a load balancer that speaks http",
  year: 2018,
  wing: "edge",
  threads: [
    thread(
      "kubernetes/ingress-nginx#2724",
      "Http -> https redirect on TCP ELB terminating ssl, results in a 308 redirect loop.",
      "the load balancer ends TLS, nginx sees http, and redirects to where the client already is",
    ),
    thread(
      "kubernetes/ingress-nginx#1957",
      '308 redirect loop when setting "force-ssl-redirect" to "true"',
      "since 0.22.0 forwarded headers are not trusted unless use-forwarded-headers says so",
    ),
  ],
  run() {
    const story = createStory();
    const loop = browse({}, false);
    story.tell(
      `${HOST} has a certificate, so http is redirected; a load balancer in front ends TLS and asks over http`,
    );
    story.tell(
      `A browser gets ${loop.statuses[0] ?? 0} again and again: it gives up after ${loop.redirects - 1} redirects`,
    );
    const trusted = browse({}, true);
    story.tell(
      `With use-forwarded-headers the controller knows of https: ${trusted.redirects} redirect, then ${trusted.status}`,
    );
    const off = browse({ "ssl-redirect": "false" }, false);
    story.tell(`With ssl-redirect: "false": ${off.redirects} redirects, ${off.status}`);
    story.holds("it never ends", loop.redirects > PATIENCE && loop.status === 0);
    story.holds(
      "every answer is 308",
      loop.statuses.every((status) => status === 308),
    );
    story.holds(
      "a controller that knows the scheme redirects once",
      trusted.redirects === 1 && trusted.status === 200,
    );
    story.holds("one that leaves it alone never", off.redirects === 0 && off.status === 200);
    return Promise.resolve(
      story.end({
        broken: {
          on: "TLS ended before ingress-nginx, ssl-redirect on, forwarded headers not trusted (default since 0.22.0)",
          what: `more than ${PATIENCE} redirects, no page`,
          facts: { redirects: loop.redirects, status: loop.status },
        },
        mended: {
          on: 'use-forwarded-headers: "true", or ssl-redirect: "false" and the redirect in the load balancer',
          what: `${trusted.redirects} redirect, status ${trusted.status}`,
          facts: { redirects: trusted.redirects, status: trusted.status, redirects_when_off: off.redirects },
        },
        lesson:
          "One place knows whether the client speaks TLS: who ended it. Redirect there, or believe what it says.",
      }),
    );
  },
};
