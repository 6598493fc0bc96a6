// @ts-check
/** CRC-32 as in zip and PNG, eight bytes at a time. */

/** @type {Int32Array | null} [8 * 256] what a byte becomes with 0 to 7 bytes behind it */
let crcTables = null;

/**
 * @param {Uint8Array} data
 * @param {number} [before] of what lies before it
 * @returns {number} 0 to 2^32 - 1
 */
export function crc32(data, before = 0) {
  const t = (crcTables ??= makeCrcTables());
  const end = data.length - (data.length % 8);
  let crc = ~before;
  let at = 0;
  for (; at < end; at += 8) {
    crc ^= data[at] | (data[at + 1] << 8) | (data[at + 2] << 16) | (data[at + 3] << 24);
    crc =
      t[1792 + (crc & 255)] ^
      t[1536 + ((crc >>> 8) & 255)] ^
      t[1280 + ((crc >>> 16) & 255)] ^
      t[1024 + (crc >>> 24)] ^
      t[768 + data[at + 4]] ^
      t[512 + data[at + 5]] ^
      t[256 + data[at + 6]] ^
      t[data[at + 7]];
  }
  for (; at < data.length; at++) crc = (crc >>> 8) ^ t[(crc ^ data[at]) & 255];
  return ~crc >>> 0;
}

function makeCrcTables() {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) tables[at] = (tables[at - 256] >>> 8) ^ tables[tables[at - 256] & 255];
  return tables;
}
