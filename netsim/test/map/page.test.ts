/** The page of `netsim map` in Chromium: what is seen, clicked, typed and read. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import t from "tap";
import { loadFiles } from "../../src/model/load.ts";
import { trace } from "../../src/trace/trace.ts";
import { netsim } from "../cli/support.ts";
import { data, fileOf, launch, mapOf, open, openMap, skip, widthOf } from "./support.ts";

t.setTimeout(180_000);

/** Chooses an item from the list of what was found. */
async function choose(page: Page, query: string, exact: string): Promise<void> {
  await page.fill("#search", query);
  await page.getByRole("button", { name: exact, exact: true }).first().click();
  await page.fill("#search", "");
}

/** Where items stand, found by asking what is under the pointer. */
async function findOnMap(page: Page, wanted: readonly string[]): Promise<Map<string, [number, number]>> {
  const places = new Map<string, [number, number]>();
  const box = (await page.locator("#map").boundingBox())!;
  for (let y = box.y + 10; y < box.y + box.height; y += 24)
    for (let x = box.x + 10; x < box.x + box.width; x += 60) {
      await page.mouse.move(x, y);
      const tip = await page.evaluate<string>(
        `document.getElementById("tip").hidden ? "" : document.getElementById("tip").textContent`,
      );
      const id = tip.split("\n")[0]!;
      if (!places.has(id)) places.set(id, [x, y]);
      if (wanted.every((w) => places.has(w))) return places;
    }
  return places;
}

void t.test("a map", { skip }, async (t) => {
  const browser = await launch();
  t.teardown(() => browser.close());
  const files = [data("shop.yaml")];
  const map = mapOf("shop", files);

  await t.test("one file that asks nobody for anything", async (t) => {
    const html = readFileSync(map, "utf8");
    t.notMatch(html, /<(?:script|img|iframe|link)[^>]*\s(?:src|href)=/, "nothing from elsewhere");
    t.match(html, /default-src 'none'/);
    t.notMatch(html, /hidden-in/);
  });

  await t.test("two pods, clicked on the map, are a trace", async (t) => {
    const { page, said } = await openMap(browser, map);
    const wanted = [
      "shop/web-1",
      "payments/api-1",
      "payments/db-0",
      "Service payments/api",
      "NetworkPolicy payments/api-ingress",
    ];
    const places = await findOnMap(page, wanted);
    for (const id of wanted) t.ok(places.has(id), `${id} is on the map`);
    await page.mouse.click(...places.get("shop/web-1")!);
    t.match(await page.textContent("#details"), /shop\/web-1/);
    await page.mouse.click(...places.get("payments/api-1")!);
    await page.waitForSelector("#trace article.trace");
    const shown = JSON.parse((await page.textContent("#trace .json pre"))!);
    const here = await trace(loadFiles(files), "shop/web-1", "payments/api-1:9000");
    t.equal(JSON.stringify(shown), JSON.stringify(here), "it is what netsim trace says, hop by hop");
    const { stdout } = netsim(["trace", "shop/web-1", "payments/api-1:9000", ...files, "--json"]);
    t.same(shown, JSON.parse(stdout), "on the command line too");
    t.equal(await page.locator("#trace li.hop").count(), here.hops.length);
    t.match(await page.textContent("#trace"), /shop\.yaml:\d+/, "with the line that decides");

    await page.keyboard.press("Escape");
    t.equal(await page.locator("#trace article").count(), 0, "Escape clears");
    await page.mouse.click(...places.get("payments/db-0")!);
    await page.mouse.click(...places.get("Service payments/api")!);
    await page.waitForSelector("#trace article.trace[data-verdict=deny]");
    t.match(
      await page.textContent("#trace"),
      /dns-egress-denied/,
      "a Service by its name: the forgotten port 53",
    );
    t.match(await page.evaluate<string>("location.hash"), /from=payments/);
    t.same(said, []);
    await page.close();
  });

  await t.test("how a trace is made", async (t) => {
    const { page, said } = await openMap(browser, map);
    await page.locator("#options summary").click();
    await page.selectOption("#mode", "nftables");
    await page.selectOption("#resolver", "musl");
    await page.fill("#method", "post");
    await page.fill("#from", "shop/web-1");
    await page.fill("#to", "http://api.payments/orders");
    await page.getByRole("button", { name: "Trace", exact: true }).click();
    const shown = await page.locator("#trace .json pre").textContent();
    const options = { mode: "nftables", resolver: "musl", method: "POST" } as const;
    const here = await trace(loadFiles(files), "shop/web-1", "http://api.payments/orders", options);
    t.equal(JSON.stringify(JSON.parse(shown!)), JSON.stringify(here));
    t.same(said, []);
    await page.close();
  });

  await t.test("who selects whom, who reaches whom", async (t) => {
    const { page, said } = await openMap(browser, map);
    await choose(page, "payments/api", "payments/api-1");
    t.match(
      await page.textContent("#details"),
      /Services that select it \(1\).*Service payments\/api.*Policies that select it \(1\).*api-ingress/s,
    );
    await page.getByRole("button", { name: "Who reaches it" }).click();
    await page.waitForSelector(".reach");
    // Of web's three pods port 9000 is open to them, 9102 to nobody; db, the other api and batch are not the shop's.
    t.match(
      await page.textContent(".reach"),
      /reached by 0 pods on all of their ports, 3 on some, 4 on none/,
    );
    await page.getByRole("button", { name: "Whom it reaches" }).click();
    await page.locator(".reach", { hasText: "reaches" }).waitFor();
    t.match(
      await page.textContent(".reach"),
      /reaches 5 pods on all of their ports, 0 on some, 1 on none; 1 have no port/,
    );
    await choose(page, "db-ingress", "NetworkPolicy payments/db-ingress");
    t.match(
      await page.textContent("#details"),
      /Rules for ?ingress.*Pods that it selects \(2\).*payments\/db-0.*payments\/db-1/s,
    );
    await choose(page, "shop/web", "Service shop/web");
    t.match(await page.textContent("#details"), /ClusterIP.*Pods that it selects \(3\)/s);
    t.same(said, []);
    await page.close();
  });

  await t.test("search, namespaces, keys", async (t) => {
    const { page, said } = await openMap(browser, map);
    await page.keyboard.press("/");
    t.equal(await page.evaluate<string>("document.activeElement.id"), "search", "slash searches");
    await page.fill("#search", "app=db");
    t.same(
      await page.locator("#found li").allTextContents(),
      ["payments/db-0", "payments/db-1", "Service payments/db"],
      "by label",
    );
    await page.fill("#search", "");
    await page.locator("#spaces summary").click();
    t.equal(await page.locator("#spaces input").count(), 2, "shop and payments");
    const picture = (): Promise<string> =>
      page.evaluate<string>(
        `new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(document.getElementById("map").toDataURL()))))`,
      );
    const all = await picture();
    await page.getByRole("button", { name: "only payments" }).click();
    const some = await picture();
    t.not(all, some, "a namespace by itself is another map");
    await page.getByRole("button", { name: "All", exact: true }).click();
    t.equal(await picture(), all, "and back");
    await page.focus("#map");
    const whole = await picture();
    await page.keyboard.press("ArrowLeft");
    const moved = await picture();
    t.not(moved, whole, "arrows move");
    await page.keyboard.press("+");
    t.not(await picture(), moved, "plus zooms");
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Shift+ArrowRight");
    const said1 = await page.textContent("#status");
    t.match(said1, /\//, `the item is told: ${said1}`);
    await page.keyboard.press("Enter");
    t.match(await page.textContent("#status"), /^selected /);
    t.same(said, []);
    await page.close();
  });

  await t.test("without a mouse: everything as a list; by touch: two taps", async (t) => {
    const { page, said } = await openMap(browser, map);
    await page.locator("#everything summary").click();
    await page.waitForSelector("#everything li button");
    t.equal(await page.locator("#everything li button").count(), 8 + 5 + 3);
    await page.getByRole("button", { name: "shop/web-2", exact: true }).press("Enter");
    await page.getByRole("button", { name: "Trace from here" }).press("Enter");
    await page.getByRole("button", { name: "payments/api-2", exact: true }).press("Enter");
    t.equal(await page.inputValue("#from"), "shop/web-2", "the beginning stays");
    await page.getByRole("button", { name: "Trace to here" }).press("Enter");
    await page.waitForSelector("#trace article.trace[data-verdict=allow]");
    t.same(said, []);
    await page.close();

    const context = await browser.newContext({ hasTouch: true, viewport: { width: 400, height: 800 } });
    const touched = await context.newPage();
    await touched.goto(pathToFileURL(map).href);
    await touched.waitForSelector("html[data-ready]");
    const box = (await touched.locator("#map").boundingBox())!;
    const taps = new Set<string>();
    for (let y = box.y + 20; y < box.y + box.height && taps.size < 2; y += 25)
      for (let x = box.x + 20; x < box.x + box.width && taps.size < 2; x += 60) {
        await touched.touchscreen.tap(x, y);
        taps.add((await touched.textContent("#details h2, #details:empty")) ?? "");
        taps.delete("");
        if (await touched.locator("#trace h2").count()) taps.add("a trace");
      }
    t.ok(taps.size >= 2, [...taps].join(", "));
    await context.close();
  });

  await t.test("by day, by night, on narrow screens; names for all that can be used", async (t) => {
    for (const width of [400, 1200])
      for (const scheme of ["light", "dark"] as const) {
        const hash = "#from=shop/web-1&to=http://api.payments/orders";
        const { page, said } = await openMap(browser, map, { width, scheme, hash });
        await page.waitForSelector("#trace article.trace");
        const title = `${width} px, ${scheme}`;
        t.ok((await widthOf(page)) <= width, `${title}: nothing over the edge`);
        const nameless = await page.evaluate<string[]>(
          `[...document.querySelectorAll("button, input, select, canvas, aside, section")].filter((e) => !(e.getAttribute("aria-label") || e.labels?.length > 0 || e.textContent.trim())).map((e) => e.outerHTML)`,
        );
        t.same(nameless, [], `${title}: everything has a name`);
        t.match(await page.getAttribute("#map", "aria-label"), /2 nodes, 8 pods, 5 Services, 3 policies/);
        t.same(said, [], title);
        await page.close();
      }
  });

  await t.test("markup in names is text", async (t) => {
    const { page, said } = await openMap(browser, mapOf("<script>", [data("evil.yaml")]));
    await page.fill("#search", "script");
    await page.locator("#found button").first().click();
    t.match(await page.textContent("#details"), /<script>document\.title='evil'<\/script>/);
    await page.locator("#spaces summary").click();
    await page.fill(
      "#from",
      await page.evaluate<string>(`document.querySelector("#details h2").textContent`),
    );
    await page.fill("#to", "http://x<img src=x onerror=document.title='evil'>/");
    await page.getByRole("button", { name: "Trace", exact: true }).click();
    await page.waitForSelector("#trace article, #trace .fault");
    await page.fill("#search", "style");
    await page.locator("#found button").first().click();
    t.equal(
      await page.locator("img, svg, #panel b, #panel script, #panel style").count(),
      0,
      "no element of theirs",
    );
    t.match(await page.title(), /^Map of /, "nothing of theirs has run");
    t.same(said, [], "nor was tried");
    await page.close();
  });

  await t.test("clusters with next to nothing", async (t) => {
    const objects = (text: string): string => fileOf(`few-${text.length}.yaml`, text);
    const few = {
      empty: objects("apiVersion: v1\nkind: Namespace\nmetadata: { name: alone }\n"),
      "without nodes": objects(
        "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [{ name: a }] }\n",
      ),
      "only a Service": objects(
        "apiVersion: v1\nkind: Service\nmetadata: { name: s }\nspec: { ports: [{ port: 80 }] }\n",
      ),
    };
    for (const [name, file] of Object.entries(few)) {
      const { page, said } = await openMap(browser, mapOf(name, [file]));
      await page.selectOption("#grouping", "namespace");
      await page.click("#zoom-in");
      t.same(said, [], name);
      await page.close();
    }
  });

  await t.test("a page that is cut off says so", async (t) => {
    const html = readFileSync(map, "utf8").replace(/(id="cluster">)[^<]{200}/, "$1");
    const { page } = await open(browser, fileOf("broken.html", html));
    await page.locator("#hint", { hasText: "cannot be shown" }).waitFor();
    t.pass();
    await page.close();
  });
});

t.test("the command", (t) => {
  const { status, stdout } = netsim(["map", data("shop.yaml"), "--title", "A & B"]);
  t.equal(status, 0);
  t.match(stdout, /^<!doctype html>[^]*<title>A &#38; B<\/title>/);
  const none = netsim(["map", "/nowhere.yaml", "-o", "/tmp/x.html"]);
  t.match(none, { status: 2, stderr: /nowhere/ });
  t.match(netsim(["map", data("shop.yaml"), "-o", "/nowhere/x.html"]), {
    status: 2,
    stderr: /cannot be written/,
  });
  t.end();
});
