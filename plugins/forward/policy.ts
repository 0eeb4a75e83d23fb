/** In which order a query tries the upstreams. */
export type PolicyName = "random" | "round_robin" | "sequential";

/** Called once for a query; never changes the list that it is given. `random`: a number in [0, 1). */
export type Policy = <T>(upstreams: readonly T[]) => readonly T[];

export function createPolicy(name: PolicyName, random: () => number): Policy {
  switch (name) {
    case "sequential":
      return (upstreams) => upstreams;
    case "random":
      return (upstreams) => shuffled(upstreams, random);
    case "round_robin": {
      let turn = 0;
      return (upstreams) => {
        // Counted before it is used: the first query goes to the second upstream, as in CoreDNS.
        turn = (turn + 1) >>> 0;
        const first = turn % upstreams.length;
        return first === 0
          ? upstreams
          : [upstreams[first]!, ...upstreams.slice(0, first), ...upstreams.slice(first + 1)];
      };
    }
  }
}

function shuffled<T>(list: readonly T[], random: () => number): readonly T[] {
  if (list.length < 2) return list;
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}
