/** Something a test needs only the type of: whatever is called on it rejects. */
export function notForThis<T extends object>(name: string): T {
  return new Proxy({} as T, {
    get: (_, key) => () => Promise.reject(new Error(`${name}.${String(key)} is not for this test`)),
  });
}
