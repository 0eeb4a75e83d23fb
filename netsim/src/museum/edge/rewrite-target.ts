import { ingress, nginx } from "../lab/ingress.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const PATHS = ["/nats/app/health", "/nats/js/main.js", "/nats"];

/** What the backend is asked for. */
const seen = (path: string, target: string): string[] => {
  const ask = nginx(
    ingress("app", [`${path} ImplementationSpecific app`], { annotations: { "rewrite-target": target } }),
  );
  return PATHS.map((each) => ask({ path: each }).path);
};

export const rewriteTarget: Exhibit = {
  id: "rewrite-target",
  title: "Since 0.22 everything is the front page",
  year: 2019,
  wing: "edge",
  threads: [
    thread(
      "kubernetes/ingress-nginx#3174",
      "Generalize Rewrite Block Creation and Deprecate AddBaseUrl (not backwards compatible)",
      "what is to be kept of the path must be captured by the path's own expression from 0.22.0 on",
    ),
    thread(
      "kubernetes/ingress-nginx#3920",
      "Ingress-Nginx update from version 0.21.0 to 0.22.0 --> No routing anymore",
      "requests reach the application without the rest of their path",
    ),
    thread(
      "kubernetes/website#46546",
      "Outdated rewrite-target rule in example yaml",
      "the documentation's example still rewrote all paths to / in 2024",
    ),
  ],
  run() {
    const story = createStory();
    const old = seen("/nats", "/");
    story.tell(
      "An Ingress of the time before 0.22: path /nats, rewrite-target: /, which used to take the prefix away",
    );
    story.tell(`Now ${PATHS.join(", ")} reach the application as ${old.join(", ")}`);
    const mended = seen("/nats(/|$)(.*)", "/$2");
    story.tell(`With path /nats(/|$)(.*) and rewrite-target: /$2 they are ${mended.join(", ")}`);
    story.holds(
      "every path becomes /",
      old.every((path) => path === "/"),
    );
    story.holds(
      "captured, the rest of the path is kept",
      JSON.stringify(mended) === JSON.stringify(["/app/health", "/js/main.js", "/"]),
    );
    return Promise.resolve(
      story.end({
        broken: {
          on: "ingress-nginx 0.22.0 and later with rewrite-target: / from before",
          what: `${PATHS.length} paths arrive as ${[...new Set(old)].join(", ")}`,
          facts: { asked: PATHS, arrived: old },
        },
        mended: {
          on: "a path with groups and a target that uses them",
          what: `they arrive as ${mended.join(", ")}`,
          facts: { asked: PATHS, arrived: mended },
        },
        lesson:
          "Annotations have no version. An upgrade of the controller changes what an unchanged Ingress means.",
      }),
    );
  },
};
