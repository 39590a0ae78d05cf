/** Questions under way at each KMS: what the model has to know of the load. */
export const QUESTIONS_AT_ONCE = 4;
