/** What went wrong, and what became of the last act, which is also read out. */
export function Told({ fault, said }: { fault: string; said: string }) {
  return (
    <>
      {fault !== '' && <p class="err">{fault}</p>}
      <p role="status" class="small">
        {said}
      </p>
    </>
  );
}
