module helper
  implicit none
contains
  integer function plus(n)
    integer, intent(in) :: n
    plus = n + 6
  end function
end module
