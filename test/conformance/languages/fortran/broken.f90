program broken
  implicit none
  integer :: n
  n = 'text'
  print *, 'it ran'
end program
