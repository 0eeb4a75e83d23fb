import type { Token } from "./token.ts";

// Go's unicode.IsSpace: what separates words. U+FEFF, which JavaScript's \s has, is not among it.
const space = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const spaceButReturn = new RegExp(space.source.replace("\\r", ""), "g");

/**
 * The words of a configuration file.
 *
 * White space separates; only `\n` ends a line, and `\r` outside quotes vanishes, even from inside a word. `#` starts a
 * comment anywhere outside quotes. `"` opens a quoted word where a word starts, and in it `\"` is a quote while any
 * other backslash stays. There is no error: an unclosed quote runs to the end of the text.
 */
export function lex(text: string, file: string): Token[] {
  const tokens: Token[] = [];
  let at = text.startsWith("\ufeff") ? 1 : 0;
  let line = 1;
  let word = "";
  let first = 1;

  const end = () => {
    if (word !== "") tokens.push({ text: word, file, line: first });
    word = "";
  };

  const quoted = () => {
    for (at++; at < text.length; at++) {
      const char = text[at]!;
      if (char === '"') {
        tokens.push({ text: word, file, line: first });
        word = "";
        return;
      }
      if (char === "\\" && at + 1 < text.length) {
        // The backslash covers one character: after `\\` a quote closes the word.
        const next = text[++at]!;
        word += next === '"' ? next : char + next;
        if (next === "\n") line++;
      } else if (char !== "\\") {
        word += char;
        if (char === "\n") line++;
      }
    }
    end();
  };

  for (; at < text.length; at++) {
    const char = text[at]!;
    if (char === "\r") continue;
    if (space.test(char)) {
      end();
      if (char === "\n") line++;
    } else if (char === "#") {
      // A comment that is glued to a word reaches to the next white space only: `v1#2 admin` is `v1` and `admin`.
      const stop = word === "" ? /\n/g : spaceButReturn;
      stop.lastIndex = at;
      at = (stop.exec(text)?.index ?? text.length) - 1;
    } else if (word === "") {
      first = line;
      if (char === '"') quoted();
      else word = char;
    } else {
      word += char;
    }
  }
  end();
  return tokens;
}
