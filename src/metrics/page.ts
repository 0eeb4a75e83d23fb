import type { HistogramCell, Cell, Family, Registry } from "./metrics.ts";

/** The page for Prometheus, and its content type. `prom-client` is loaded at the first scrape. */
export async function metricsPage(registry: Registry): Promise<{ body: string; type: string }> {
  const { Registry: Page, collectDefaultMetrics } = await import("prom-client");
  const page = new Page();
  collectDefaultMetrics({ register: page });
  for (const family of registry.collect())
    page.registerMetric(asMetric(family) as Parameters<typeof page.registerMetric>[0]);
  return { body: await page.metrics(), type: page.contentType };
}

interface Value {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

/** What prom-client's registry asks of a metric: a name, and `get` for its values. */
function asMetric(family: Family): object {
  const { name, help, type } = family;
  return {
    name,
    get: () =>
      Promise.resolve({
        name,
        help,
        type,
        aggregator: "sum",
        values: type === "histogram" ? histogramValues(family) : plainValues(family),
      }),
  };
}

const labelled = (family: Family, values: readonly string[]): Record<string, string> =>
  Object.fromEntries(family.labels.map((label, i) => [label, values[i] ?? ""]));

function plainValues(family: Family): Value[] {
  return Array.from(family.series(), ({ values, cell }) => ({
    value: (cell as Cell).value,
    labels: labelled(family, values),
  }));
}

function histogramValues(family: Family): Value[] {
  const out: Value[] = [];
  for (const { values, cell } of family.series()) {
    const { bounds, counts, sum } = cell as HistogramCell;
    const labels = labelled(family, values);
    let total = 0;
    counts.forEach((count, i) => {
      total += count;
      out.push({
        metricName: `${family.name}_bucket`,
        value: total,
        labels: { ...labels, le: i < bounds.length ? bounds[i]! : "+Inf" },
      });
    });
    out.push({ metricName: `${family.name}_sum`, value: sum, labels });
    out.push({ metricName: `${family.name}_count`, value: total, labels });
  }
  return out;
}
