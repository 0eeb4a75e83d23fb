import { ingress, nginx } from "../lab/ingress.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const EXACT = ingress("admin", ["/admin Exact admin", "/ Prefix web"]);
const REGEX = ingress("downloads", ["/files/.* ImplementationSpecific app"], {
  annotations: { "use-regex": "true" },
});
const PATHS = ["/admin", "/admin/users", "/administrator"];

const backends = (ingresses: string): string[] => {
  const ask = nginx(ingresses);
  return PATHS.map((path) => ask({ path }).backend?.service ?? "none");
};

export const exactBecomesPrefix: Exhibit = {
  id: "exact-becomes-prefix",
  title: "Somebody else's regex makes Exact a prefix",
  year: 2023,
  wing: "edge",
  threads: [
    thread(
      "kubernetes/ingress-nginx#10618",
      "`Exact` pathType Ingress are converted to `Prefix` pathType when using use-regex annotation",
      "one Ingress with use-regex turns all locations of its host into expressions without an end, the Exact ones too",
    ),
  ],
  run() {
    const story = createStory();
    const before = backends(EXACT);
    const after = backends(EXACT + REGEX);
    story.tell("Ingress admin has /admin as Exact, and / for the shop");
    story.tell(`${PATHS.join(", ")} go to ${before.join(", ")}`);
    story.tell(
      `Another Ingress of the same host brings use-regex for its own path: now they go to ${after.join(", ")}`,
    );
    const apart = backends(EXACT + REGEX.replaceAll("test.com", "files.test.com"));
    story.tell(`With the expressions on a host of their own: ${apart.join(", ")}`);
    story.holds("Exact takes its path alone, before", before.join() === "admin,web,web");
    story.holds("and everything that begins with it, after", after.join() === "admin,admin,admin");
    story.holds("a host of its own keeps it", apart.join() === before.join());
    return Promise.resolve(
      story.end({
        broken: {
          on: "ingress-nginx, use-regex or rewrite-target in any Ingress of the host",
          what: `${PATHS.slice(1).join(" and ")} reach ${[...new Set(after)].join()}`,
          facts: { paths: PATHS, before, after },
        },
        mended: {
          on: "expressions on a host of their own, or a path with its end written ($)",
          what: `they reach ${apart.slice(1).join(" and ")}`,
          facts: { paths: PATHS, backends: apart },
        },
        lesson:
          "Ingresses of one host share a server block: an annotation in one namespace changes the paths of another.",
      }),
    );
  },
};
