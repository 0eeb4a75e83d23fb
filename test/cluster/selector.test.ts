import t from "tap";
import { parseSelector } from "../../src/cluster/selector.ts";

const matches = (text: string, labels: Record<string, string>): boolean | string => {
  const selector = parseSelector(text);
  return "error" in selector ? selector.error : selector.matches(labels);
};

t.test("requirements (kubernetes.io/docs/concepts/overview/working-with-objects/labels)", (t) => {
  for (const [text, labels, wanted] of [
    ["app=web", { app: "web" }, true],
    ["app==web", { app: "web" }, true],
    ["app = web", { app: "api" }, false],
    ["app=web", {}, false],
    ["app=", { app: "" }, true],
    ["app", { app: "anything" }, true],
    ["app", {}, false],
    ["!app", {}, true],
    ["! app", { app: "x" }, false],
    ["app in (web, api)", { app: "api" }, true],
    ["app in (web,api)", { app: "db" }, false],
    ["app in (web,api)", {}, false],
    ["app notin (web)", { app: "db" }, true],
    ["app notin (web)", {}, true],
    ["app notin (web)", { app: "web" }, false],
    ["env in (staging, qa),team=store", { env: "qa", team: "store" }, true],
    ["env in (staging, qa),team=store", { env: "qa", team: "money" }, false],
    ["kubernetes.io/metadata.name=shop", { "kubernetes.io/metadata.name": "shop" }, true],
    ["toString", {}, false],
    ["", { app: "web" }, true],
  ] as const) {
    t.equal(matches(text, labels), wanted, `${text} on ${JSON.stringify(labels)}`);
  }
  t.end();
});

t.test("the text for an API server", (t) => {
  for (const [text, wanted] of [
    ["app == web , env in ( b,a ),!x,y, z notin (q)", "app=web,env in (b,a),!x,y,z notin (q)"],
    ["app in (web)", "app=web"],
  ] as const) {
    const selector = parseSelector(text);
    t.equal("error" in selector ? selector.error : selector.text, wanted);
  }
  t.end();
});

t.test("what is no selector", (t) => {
  for (const text of [
    "a in (",
    "a in b",
    "a in (b c)",
    "a=b=c",
    "a!=b",
    "a b",
    "=b",
    ",a",
    "a,",
    "a>1",
    "-a",
    "a=b_",
    "x/y/z",
    "A_/x",
    "()",
  ]) {
    t.match(parseSelector(text), { error: String }, text);
  }
  t.end();
});
