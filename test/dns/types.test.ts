import t from "tap";
import {
  classText,
  edeText,
  parseClass,
  parseRcode,
  parseType,
  rcodeText,
  tsigErrorText,
  TYPE,
  typeText,
} from "../../src/dns/types.ts";

t.test("types are written by mnemonic or as RFC 3597 does", async (t) => {
  t.equal(typeText(1), "A");
  t.equal(typeText(65), "HTTPS");
  t.equal(typeText(65400), "TYPE65400");
  t.equal(typeText(0), "TYPE0");
  t.equal(parseType("aaaa"), 28);
  t.equal(parseType("TYPE65400"), 65400);
  t.equal(parseType("type1"), TYPE.A);
  for (const bad of ["", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "TYPE 1", "NOSUCH", "1"]) {
    t.equal(parseType(bad), undefined, JSON.stringify(bad));
  }
});

t.test("every type's mnemonic is read back", async (t) => {
  for (const [name, number] of Object.entries(TYPE)) {
    t.equal(typeText(number), name);
    t.equal(parseType(name.toLowerCase()), number);
  }
});

t.test("classes", async (t) => {
  t.equal(classText(1), "IN");
  t.equal(classText(300), "CLASS300");
  t.equal(parseClass("ch"), 3);
  t.equal(parseClass("CLASS32"), 32);
  t.equal(parseClass("CLASS99999"), undefined);
});

t.test("rcodes, whose 16 has two names", async (t) => {
  t.equal(rcodeText(3), "NXDOMAIN");
  t.equal(rcodeText(16), "BADVERS");
  t.equal(tsigErrorText(16), "BADSIG");
  t.equal(rcodeText(4000), "RCODE4000");
  t.equal(parseRcode("badsig"), 16);
  t.equal(parseRcode("BADVERS"), 16);
  t.equal(parseRcode("NOTIMPL"), 4);
  t.equal(parseRcode("RCODE3"), undefined);
});

t.test("extended errors have the registry's texts", async (t) => {
  t.equal(edeText(15), "Blocked");
  t.equal(edeText(23), "Network Error");
  t.equal(edeText(30), "Invalid Query Type");
  t.equal(edeText(5000), "");
});
