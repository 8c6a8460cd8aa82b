// The sign of Ally: a rail with two marks.
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" className={className}>
      <rect width="24" height="24" rx="5" fill="#14534a" />
      <path d="M8 4.5v15" stroke="#8cc8b8" strokeWidth="1.5" />
      <circle cx="8" cy="8" r="2.6" fill="#fff" />
      <circle cx="8" cy="16" r="2.6" fill="#e0a83c" />
      <path d="M13 8h5M13 16h4" stroke="#fff" strokeWidth="2" strokeLinecap="round" />
    </svg>
  );
}
