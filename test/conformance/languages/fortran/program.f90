program everything
  use omp_lib
  use iso_fortran_env, only: int64
  implicit none
  character(len=32) :: mode
  character(len=256) :: line
  integer :: i, n, d, count, status
  integer(int64) :: total
  integer, allocatable :: numbers(:)

  call get_command_argument(1, mode)
  select case (mode)
  case ('unicode')
    print '(a)', 'héllo 世界 🎉'
    read '(a)', line
    print '(a)', trim(line)
  case ('args')
    do i = 2, command_argument_count()
      call get_command_argument(i, line)
      print '(a)', trim(line)
    end do
  case ('eof')
    count = 0
    do
      read (*, '(a)', iostat=status) line
      if (status /= 0) exit
      count = count + 1
    end do
    print '(i0)', count
  case ('files')
    open (unit=10, file='data/in.txt')
    read (10, *) n
    open (unit=11, file='/mnt/data/out.txt')
    write (11, '(i0)') 2 * n
  case ('exit')
    stop 7
  case ('crash')
    line = 'no number'
    read (line, *) n ! the line that fails
  case ('threads')
    total = 0
    !$omp parallel do reduction(+:total) num_threads(4)
    do i = 1, 4
      total = total + sum([(int(d, int64), d=0, 10 * i - 1)])
    end do
    print '(i0)', total
  case ('library')
    numbers = [3, 1, 2]
    print '(a, i0, a, i0)', 'apple:', maxval(numbers) - minval(numbers), ' banana:', minloc(numbers) - 1
  case ('work')
    call get_command_argument(2, line)
    read (line, *) n
    count = 0
    do i = 2, n - 1
      d = 2
      do while (d * d <= i .and. mod(i, d) /= 0)
        d = d + 1
      end do
      if (d * d > i) count = count + 1
    end do
    print '(i0)', count
  case ('endless')
    print '(a)', 'before'
    do
      call flush()
    end do
  end select
end program
