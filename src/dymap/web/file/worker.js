// @ts-check
/** The worker that decodes (decoding.js). */
import { serveDecoding } from "./decoding.js";

serveDecoding(/** @type {any} */ (globalThis));
