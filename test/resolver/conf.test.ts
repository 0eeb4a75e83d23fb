import t from "tap";
import { has, number, parseResolvConf, serversOf } from "../../src/resolver/conf.ts";
import { candidates } from "../../src/resolver/names.ts";
import { podResolvConf } from "../../src/resolver/pod.ts";

void t.test("resolv.conf", async (t) => {
  const conf = parseResolvConf(
    [
      "# comment",
      "; nameserver 192.0.2.1",
      "nameserver 10.96.0.10",
      "nameserver\tfd00::a   # trailing words don't matter",
      "domain first.test second.test",
      "search a.test\tb.test  ",
      "options ndots:2 rotate",
      "options ndots:4 timeout:x attempts:7",
      " nameserver 192.0.2.2",
      "nameserver",
    ].join("\r\n"),
  );
  t.same(conf.nameservers, ["10.96.0.10", "fd00::a"], "lines that begin with the keyword");
  t.same(conf.search, ["a.test", "b.test"], "the last of domain and search");
  t.equal(number(conf, "ndots", 1, 0, 15), 4, "the last value");
  t.equal(number(conf, "ndots", 1, 0, 3), 3, "within bounds");
  t.equal(number(conf, "timeout", 5, 0, 30), 5, "what is no number is not there");
  t.equal(number(conf, "attempts", 2, 0, 5), 5);
  t.ok(has(conf, "rotate"));
  t.notOk(has(conf, "edns0", "use-vc"));
  t.same(parseResolvConf("domain one.test two.test").search, ["one.test"], "domain takes one");
  t.same(parseResolvConf("").options, []);
  t.same(serversOf(parseResolvConf("")), ["127.0.0.1"], "resolv.conf(5): the local machine by default");
  t.same(
    serversOf(
      parseResolvConf("nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4"),
    ).length,
    3,
  );
});

void t.test("candidates", async (t) => {
  t.same(candidates("api", ["a.test", "."], 1), ["api.a.test.", "api.", "api."]);
  t.same(
    candidates("api.shop", ["a.test"], 1),
    ["api.shop.", "api.shop.a.test."],
    "ndots reached: as it is first",
  );
  t.same(candidates("api.", ["a.test"], 5), ["api."], "absolute");
  t.same(candidates("api", [], 5), ["api."]);
});

void t.test("a pod's resolv.conf", async (t) => {
  const pod = {
    namespace: "shop",
    clusterDomain: "cluster.local",
    nameserver: "10.96.0.10",
    ndots: 5,
    nodeSearches: ["corp.test"],
    dnsConfig: {},
  };
  t.equal(
    podResolvConf(pod),
    "search shop.svc.cluster.local svc.cluster.local cluster.local corp.test\nnameserver 10.96.0.10\noptions ndots:5\n",
    "as the kubelet writes it",
  );
  const dnsConfig = {
    nameservers: ["192.0.2.1", "10.96.0.10"],
    searches: ["corp.test", "other.test"],
    options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
  };
  const conf = parseResolvConf(podResolvConf({ ...pod, dnsConfig }));
  t.same(conf.nameservers, ["10.96.0.10", "192.0.2.1"], "merged without repeats");
  t.same(conf.search.slice(3), ["corp.test", "other.test"]);
  t.same(conf.options, ["ndots:2", "edns0"], "dnsConfig's option wins");
});
