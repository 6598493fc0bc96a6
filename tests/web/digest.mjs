// Digests of numbers.
import { createHash } from "node:crypto";

export function sha(array) {
  return createHash("sha256").update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength)).digest("hex");
}
