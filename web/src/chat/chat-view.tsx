export function ChatPage({ rest }: { rest: string }) {
  return (
    <main>
      <p class="first">{rest}</p>
    </main>
  );
}
