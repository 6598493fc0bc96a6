// @ts-check
/** Long work on the page's own thread, piece by piece. */

/** Lets whatever else waits have its turn; timers would make it wait for milliseconds. */
export function nextTurn() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve(undefined);
    };
    channel.port2.postMessage(null);
  });
}
