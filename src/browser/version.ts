/** The version of the package, where its package.json cannot be read; a test compares the two. */
export const version = "0.1.0";
