/* Filters the rows of the table on the page of all configs. */
document.addEventListener('DOMContentLoaded', () => {
  const box = document.getElementById('filter');
  if (!box) return;
  const rows = [...document.querySelectorAll('table tbody tr')];
  box.addEventListener('input', () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.style.display = words.every((w) => text.includes(w)) ? '' : 'none';
    }
  });
});
