// @ts-check
/**
 * Asks for the first bytes of a page's clip, and for the GPU, while its modules are still on their way (file/early.js takes
 * the answers).
 *
 * An exported page holds this script in its head (site/pages.py), with data-clip: the clip's address; data-front: bytes of
 * the first request; data-stop: the byte before which all lies that the first picture needs.
 */
{
  const { clip = "", front = "0", stop = "0" } = /** @type {HTMLScriptElement} */ (document.currentScript).dataset;
  const ask = (/** @type {number} */ first, /** @type {number} */ end) => fetch(clip, { headers: { Range: `bytes=${first}-${end - 1}` } });
  if (!new URLSearchParams(location.search).has("clip")) {
    const begun = ask(0, Number(front));
    // The rest comes after the front, and not beside it: the page's script shares the line with them.
    const came = begun.then(async (answer) =>
      answer.status === 206 ? new Response(await answer.arrayBuffer(), { status: 206, headers: answer.headers }) : answer,
    );
    const parts = [{ start: 0, stop: Number(front), answer: came }];
    const rest = () => came.then(({ status }) => (status === 206 ? ask(Number(front), Number(stop)) : Promise.reject(new TypeError("no parts"))));
    if (Number(stop) > Number(front)) parts.push({ start: Number(front), stop: Number(stop), answer: rest() });
    for (const { answer } of parts) answer.catch(() => {}); // who reads it is told
    const adapter = navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }); // which begins a process of its own
    adapter?.catch(() => {});
    /** @type {any} */ (globalThis).dymapEarly = { address: new URL(clip, document.baseURI).href, parts, adapter };
  }
}
