/** Whole messages between bytes and records: the path of answers from upstreams, of transfers, and of what is too large. */
export {
  decodeMessage,
  type DecodedMessage,
  type DecodedOpt,
  type DecodeError,
  type Question,
} from "./decode.ts";
export { encodeMessage, type Encoded, type EncodeOptions, type OutgoingMessage } from "./encode.ts";
