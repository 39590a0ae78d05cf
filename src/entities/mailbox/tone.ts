/** What who leaves a message hears: 1 kHz for 300 ms at a quarter of full scale, as samples of 8 kHz. */
const SAMPLES = 2_400;
const HERTZ = 1_000;
const LEVEL = 8_192;

export const TONE: Int16Array = Int16Array.from({ length: SAMPLES }, (_, at) =>
  Math.round(LEVEL * Math.sin((2 * Math.PI * HERTZ * at) / 8_000)),
);
